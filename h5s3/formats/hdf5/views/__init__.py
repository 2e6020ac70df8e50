"""What a file holds in the words of its convention: one file a convention, over one walk for all of them."""
