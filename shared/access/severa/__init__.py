"""Visma Severa: its REST API, and the customers and contact persons that it holds."""
