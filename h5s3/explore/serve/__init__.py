"""Objects below one place, read-only over HTTP: for viewers in browsers, and for clients without S3."""
