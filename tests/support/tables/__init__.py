"""What tests of tables need."""
