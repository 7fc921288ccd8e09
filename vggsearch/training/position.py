"""Batches whose position in the epoch an interrupted run can restore."""

from torch import Tensor

from vggsearch.data import Batches


class ResumableBatches(Batches):
    """`Batches` that know the generator states from which their epoch was drawn, and can go to any batch."""

    _drawn_from: tuple[Tensor, Tensor] | None = None

    def _begin_epoch(self) -> None:
        self._drawn_from = self._states()
        super()._begin_epoch()

    def _states(self) -> tuple[Tensor, Tensor]:
        return self._order.get_state(), self._augment.get_state()

    @property
    def epoch_states(self) -> tuple[Tensor, Tensor]:
        """States of the `order` and `augment` generators that the next batch's epoch is drawn from.

        uint8, on the CPU.
        """
        if self._drawn_from is None or self._step == self.steps_per_epoch:
            return self._states()
        return self._drawn_from

    def go_to(self, steps: int, order: Tensor, augment: Tensor) -> None:
        """Go to the position after `steps` batches, in the epoch drawn from these `epoch_states`."""
        self._order.set_state(order)
        self._augment.set_state(augment)
        self._step, self._drawn_from = self.steps_per_epoch, None
        if steps % self.steps_per_epoch:
            self._begin_epoch()
            self._go_to(steps % self.steps_per_epoch)
