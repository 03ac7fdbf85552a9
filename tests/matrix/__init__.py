"""Every abnormal condition, at start and in operation, for export and import: on real time and on virtual time."""
