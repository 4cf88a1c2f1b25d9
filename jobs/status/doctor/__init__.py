"""`weir doctor`: checks of settings that lose data or stop a job only when something fails."""
