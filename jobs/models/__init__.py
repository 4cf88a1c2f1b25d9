"""Creating and checking model folders: train, convert, calibrate, judge, retrain."""
