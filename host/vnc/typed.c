#include "host/vnc/typed.h"

#include "lib/limits.h"

void tb_vnc_typed_init(TbVncTyped *typed)
{
        tb_mutex_init(&typed->lock);
        typed->inputs = g_array_new(FALSE, FALSE, sizeof(TbVncInput));
}

void tb_vnc_typed_clear(TbVncTyped *typed)
{
        g_array_free(typed->inputs, TRUE);
        tb_mutex_clear(&typed->lock);
}

bool tb_vnc_typed_put(TbVncTyped *typed, TbVncInput input)
{
        tb_mutex_lock(&typed->lock);
        GArray *inputs = typed->inputs;
        TbVncInput *last = inputs->len ? &g_array_index(inputs, TbVncInput, inputs->len - 1) : NULL;
        if (last && !last->key && !input.key && last->mask == input.mask)
                *last = input;
        else
                g_array_append_val(inputs, input);
        bool first = !typed->posted;
        typed->posted = true;
        tb_mutex_unlock(&typed->lock);
        return first;
}

bool tb_vnc_typed_room(TbVncTyped *typed)
{
        tb_mutex_lock(&typed->lock);
        bool room = typed->inputs->len < TB_LIMIT_INPUT_EVENTS;
        tb_mutex_unlock(&typed->lock);
        return room;
}

void tb_vnc_typed_told(TbVncTyped *typed)
{
        tb_mutex_lock(&typed->lock);
        typed->posted = false;
        tb_mutex_unlock(&typed->lock);
}

GArray *tb_vnc_typed_take(TbVncTyped *typed, bool *ret_full)
{
        GArray *fresh = g_array_new(FALSE, FALSE, sizeof(TbVncInput));
        tb_mutex_lock(&typed->lock);
        GArray *inputs = typed->inputs;
        *ret_full = inputs->len >= TB_LIMIT_INPUT_EVENTS;
        typed->inputs = fresh;
        tb_mutex_unlock(&typed->lock);
        return inputs;
}
