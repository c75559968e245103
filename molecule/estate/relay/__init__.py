"""The lab's WAN: one process that every tunnel passes; it delays, cuts, loses and throttles each of them on command."""
