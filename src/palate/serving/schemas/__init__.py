"""What requests and answers hold, a module for each router."""
