"""Where the rooms meet: one file per step of the data's way."""
