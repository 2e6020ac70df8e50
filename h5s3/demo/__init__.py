"""What `h5s3 demo` needs: sample files worth looking at, and an S3 server on this machine to hold them."""
