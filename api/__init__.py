"""The HTTP shim: a request comes in, a flow run goes out; it holds no state."""
