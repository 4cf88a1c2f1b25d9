"""The demonstration: traffic whose truth is known, through the real job, judged against that truth."""
