#pragma once
/* Where the pages are when the configuration does not say: beside a program that runs in its source tree, or
 * <prefix>/share/testbed/web of an installed one. */
char *tb_pages_dir(void); /* the caller frees */
