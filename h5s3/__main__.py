"""`python -m h5s3`."""

from h5s3.cli import main

if __name__ == "__main__":
    main()
