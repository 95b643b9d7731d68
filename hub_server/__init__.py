"""The county's server: intake, applications, monitoring. Never imports the station."""
