"""The county's server: intake of operations, applications, monitoring. Never imports the station."""
