"""Files of the old system, compared with what a feed sends."""
