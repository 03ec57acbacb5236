"""Master data: metering points and supply periods, checked, and stored in place of earlier records."""
