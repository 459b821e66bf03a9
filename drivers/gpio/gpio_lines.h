#pragma once
/*
 * Lines of one GPIO chip, held for as long as they are open (libgpiod 1.6). Values are logical: true is active, whatever the
 * level. Thread: the lane's. Errors: GONE (no such chip), INVALID (no such line), BUSY (another program holds it, with its name),
 * FORBIDDEN, UNSUPPORTED (a bias or drive that the chip has not), DEVICE.
 */
#include "drivers/gpio/gpio_proto.h"

typedef struct TbGpioLines TbGpioLines;

/* All or none. `chip`: "gpiochip0", "0", a path or the chip's label. `consumer` is what others see as who holds them. */
TbGpioLines *tb_gpio_open(const char *chip, const GArray *specs, const char *consumer, GError **error);
/* Outputs go to their safe values first. Accepts NULL. */
void tb_gpio_close(TbGpioLines *lines);

guint tb_gpio_count(const TbGpioLines *lines);
const TbGpioSpec *tb_gpio_spec(const TbGpioLines *lines, guint i);
int tb_gpio_find(const TbGpioLines *lines, const char *name); /* -1: none */
bool tb_gpio_get(TbGpioLines *lines, guint i, bool *ret_on, GError **error);
bool tb_gpio_set(TbGpioLines *lines, guint i, bool on, GError **error);
/* Readable when the line changed; -1: an output, or a chip that cannot say (then who wants to know looks). */
int tb_gpio_edge_fd(const TbGpioLines *lines, guint i);
/* The next change that waits, without waiting. False: there is none. */
bool tb_gpio_edge(TbGpioLines *lines, guint i, bool *ret_on);
