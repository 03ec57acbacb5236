"""The series of one metering point and of many."""
