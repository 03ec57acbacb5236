"""What the service costs a month: prices, drivers, and a model that multiplies them."""
