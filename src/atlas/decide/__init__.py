"""From node masses to answers, in plain numpy, for every model alike."""
