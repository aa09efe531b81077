"""GPUs of NVIDIA, AMD and Intel."""
