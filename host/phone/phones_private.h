#pragma once
/* What phones.c (which there are) and routes.c (who asks for one) share. */
#include "host/phone/phone.h"
#include "host/phone/phones.h"

struct TbPhones {
        TbPhonesOptions options;
        GHashTable *all;  /* name (borrowed from the phone) -> owned TbPhone */
        GHashTable *told; /* name -> the last phone.state, as text; both owned */
        GQueue waiting;   /* owned Waiting of routes.c: who wants a code that is not there yet */
        guint bus;        /* subscription */
};

TbPhone *tb_phones_find(TbPhones *phones, const char *name);
TbPhone *tb_phones_of_device(TbPhones *phones, const char *device);
/* routes.c: a code has come, or it is known why there is none; or the phone is gone. */
void tb_phones_serve(TbPhones *phones);
void tb_phones_send_away(TbPhones *phones); /* the host is stopping */
