"""An Entra v2.0 look-alike for the local stack: real signatures and claims, for the demo tenant only."""
