/** One of a few, as buttons beside each other; arrow keys move among them. */
import { useId } from "react";

type Props = {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, label: string])[];
  readonly onChoose: (value: string) => void;
};

export const Choice = ({ label, value, options, onChoose }: Props) => {
  const name = useId();
  return (
    <fieldset className="choice">
      <legend>{label}</legend>
      {options.map(([one, text]) => (
        <label key={one} className="choice-one" data-on={one === value}>
          <input
            type="radio"
            className="hidden"
            name={name}
            value={one}
            checked={one === value}
            onChange={() => onChoose(one)}
          />
          {text}
        </label>
      ))}
    </fieldset>
  );
};
