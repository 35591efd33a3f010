"""Systems of our own for the three tasks; every gain can be switched off."""
