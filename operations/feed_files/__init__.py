"""Files of the old system, held against what a feed sends."""
