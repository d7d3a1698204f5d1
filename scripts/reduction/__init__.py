"""What `scripts/check_reduction.py` compares: the kinds of pictures, the pictures, what is asked of them, the report."""
