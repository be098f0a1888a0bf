"""The kernel: what all five services need and that holds no business word outside `contracts/`."""
