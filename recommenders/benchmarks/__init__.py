"""What `mixtape bench` measures: each as a ratio against the bare library, on the same data in the same run."""
