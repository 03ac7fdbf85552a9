"""The only sockets and files of the controller, behind `pcs.ports`."""
