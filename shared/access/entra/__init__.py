"""Microsoft Entra: users found or invited through Microsoft Graph."""
