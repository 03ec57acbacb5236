"""An SFTP server on 127.0.0.1 that takes files, or goes wrong in a chosen way."""
