/* SPDX-License-Identifier: MIT */
/* The list against an array of what it should hold, in order. */
#include "kernel/base/list.h"

#include <string.h>

#include "test/unit/check.h"

#define NODES 16

static struct list head = LIST_INIT(head);
static struct list nodes[NODES];
static struct list *model[NODES];
static unsigned used;

static bool holds(const struct list *node)
{
    for (unsigned i = 0; i < used; i++) {
        if (model[i] == node) {
            return true;
        }
    }
    return false;
}

static void model_insert(unsigned at, struct list *node)
{
    memmove(&model[at + 1], &model[at], (used - at) * sizeof(model[0]));
    model[at] = node;
    used++;
}

static void model_remove(const struct list *node)
{
    unsigned at = 0;
    while (model[at] != node) {
        at++;
    }
    used--;
    memmove(&model[at], &model[at + 1], (used - at) * sizeof(model[0]));
}

static void check_same(void)
{
    unsigned i = 0;
    struct list *pos;
    list_for_each (pos, &head) {
        CHECK(i < used && pos == model[i]);
        CHECK(pos->next->prev == pos && pos->prev->next == pos);
        i++;
    }
    CHECK_EQ(i, used);
    CHECK_EQ(list_empty(&head), used == 0);
}

static void random_steps(void)
{
    for (unsigned step = 0; step < 5000; step++) {
        struct list *node = &nodes[check_below(NODES)];
        if (holds(node)) {
            model_remove(node);
            list_remove(node);
            list_remove(node); /* harmless */
        } else if (check_below(2) == 0) {
            model_insert(0, node);
            list_push(&head, node);
        } else {
            model_insert(used, node);
            list_append(&head, node);
        }
        if (used != 0 && check_below(8) == 0) {
            struct list *first = model[0];
            model_remove(first);
            CHECK(list_pop(&head) == first);
        }
        check_same();
    }
}

static void removal_while_walking(void)
{
    struct list *pos;
    struct list *next;
    list_init(&head);
    for (unsigned i = 0; i < NODES; i++) {
        list_append(&head, &nodes[i]);
    }
    list_for_each_safe(pos, next, &head)
    {
        if ((pos - nodes) % 2 == 0) {
            list_remove(pos);
        }
    }
    used = 0;
    for (unsigned i = 1; i < NODES; i += 2) {
        model_insert(used, &nodes[i]);
    }
    check_same();
    while (list_pop(&head) != NULL) {
        used--;
    }
    CHECK(used == 0 && list_pop(&head) == NULL);
}

TESTS(random_steps, removal_while_walking)
