"""What is measured: speed, accuracy, power, memory."""
