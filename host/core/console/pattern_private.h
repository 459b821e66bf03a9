#pragma once
/* Patterns from inside: pattern.c compiles, scan.c searches. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "host/core/console/pattern.h"

#define NEST_MAX 100 /* parentheses inside parentheses: compiling recurses */

struct TbPattern {
        pcre2_code *re;
};
