// Nothing but the headers that test code shares, which are precompiled with this file.
