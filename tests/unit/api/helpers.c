/* The bench of tests/unit/core, linked with the tests of this folder too. */
#include "tests/unit/core/fake.c"
