#pragma once
/* Names that nobody guesses, and nobody else gives. Any thread. */
char *tb_uuid(void); /* RFC 9562, version 4, of the kernel's randomness; the caller frees */
