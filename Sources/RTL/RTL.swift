// Module RTL.
