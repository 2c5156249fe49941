"""The rehearsal of April 1: the services' answers judged, and its words; pure."""
