"""The processes of this machine by name: a scan of all of them, and rankings from two scans."""
