"""How the sample turns, grows, shears and flows over time, beside its shift.

The density of events draws each event towards the others. Where the sample turns, it draws those on
one side of the field up and those on the other down: the gradient, summed over field blocks times
the velocity of each block under a motion, is the gradient of the parameter of this motion; and the
curvature times its square the information. A trend through the windows, as for the shift, is the
parameter over time.
"""
