"""The processes of the stack: started, watched, restarted, ended."""
