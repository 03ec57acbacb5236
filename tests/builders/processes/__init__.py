"""What tests have other processes do."""
