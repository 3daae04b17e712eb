"""Both generations of fleets as they stand in the field, and the console beside them."""
