"""What h5s3 costs, and what its peers cost: seconds live here, the tests hold counts."""
