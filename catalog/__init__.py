"""Who owns what: services, teams, repositories."""
