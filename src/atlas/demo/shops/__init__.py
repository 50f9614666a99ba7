"""The drawn products as two small web shops on this machine, for the demo and for tests of collecting."""
