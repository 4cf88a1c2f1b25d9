"""Model folders, made and checked: train, convert, calibrate, judge, retrain."""
